create table birthday.people (id bigint primary key);
alter table public.schema_migrations add column note text;
