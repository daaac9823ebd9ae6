create sequence birthday.numbers;
alter sequence birthday.numbers restart with 100;
