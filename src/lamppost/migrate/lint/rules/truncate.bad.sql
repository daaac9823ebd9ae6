truncate birthday.people;
