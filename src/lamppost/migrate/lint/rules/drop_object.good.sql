-- lamppost: phase contract
drop table birthday.people;
