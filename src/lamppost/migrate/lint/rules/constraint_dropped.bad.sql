alter table birthday.people alter column email drop not null;
