alter table birthday.people drop column email;
