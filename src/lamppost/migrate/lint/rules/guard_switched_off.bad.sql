alter table birthday.people disable trigger all;
