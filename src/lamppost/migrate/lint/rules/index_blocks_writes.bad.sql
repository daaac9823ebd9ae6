create index people_email on birthday.people (email);
