lock table birthday.people;
