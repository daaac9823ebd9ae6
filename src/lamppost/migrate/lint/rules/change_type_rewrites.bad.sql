alter table birthday.people alter column id type bigint;
