-- lamppost: no-transaction
create index concurrently people_email on birthday.people (email);
