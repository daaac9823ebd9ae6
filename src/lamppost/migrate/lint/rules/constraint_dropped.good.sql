alter table birthday.people alter column email set default '';
