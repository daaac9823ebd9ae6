alter table birthday.people add column given_name text;
