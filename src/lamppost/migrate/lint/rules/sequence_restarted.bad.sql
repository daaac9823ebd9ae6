alter sequence birthday.numbers restart with 1;
