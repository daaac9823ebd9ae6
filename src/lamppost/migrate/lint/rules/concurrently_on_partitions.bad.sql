-- lamppost: no-transaction
create table birthday.events (id bigint, at timestamptz) partition by range (at);
create index concurrently events_id on birthday.events (id);
