-- lamppost: no-transaction
create index concurrently people_all on birthday.people (a, b, c, d);
