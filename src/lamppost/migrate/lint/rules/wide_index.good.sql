-- lamppost: no-transaction
create index concurrently people_two on birthday.people (a, b);
