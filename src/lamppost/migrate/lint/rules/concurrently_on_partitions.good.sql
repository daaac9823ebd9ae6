create index events_id on only birthday.events (id);
