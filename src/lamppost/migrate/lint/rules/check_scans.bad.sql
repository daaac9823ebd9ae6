alter table birthday.people add constraint people_named check (first_name <> '');
