alter table birthday.people rename column first_name to given_name;
