drop table birthday.people;
