-- lamppost: phase contract
alter table birthday.people drop column email;
