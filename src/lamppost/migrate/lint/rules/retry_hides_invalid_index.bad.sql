-- lamppost: no-transaction
create index concurrently if not exists people_email on birthday.people (email);
