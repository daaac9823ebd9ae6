alter table birthday.people alter column email set not null;
