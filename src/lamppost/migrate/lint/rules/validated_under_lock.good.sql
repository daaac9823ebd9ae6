alter table birthday.people validate constraint people_named;
