alter table birthday.people add column token uuid;
alter table birthday.people alter column token set default gen_random_uuid();
