alter table birthday.people enable trigger all;
