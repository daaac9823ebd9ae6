alter table birthday.people add column long_id bigint;
