alter table birthday.people add column email text;
update birthday.people set email = 'none' where email is null and id < 5000;
