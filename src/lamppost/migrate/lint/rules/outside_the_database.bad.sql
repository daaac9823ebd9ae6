copy birthday.people to program 'cat';
