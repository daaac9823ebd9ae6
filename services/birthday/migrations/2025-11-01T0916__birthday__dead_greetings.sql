-- lamppost: no-transaction
-- What failed since a moment, for those who replay it.
create index concurrently greetings_dead
    on birthday.greetings (settled_at)
 where status = 'dead';
