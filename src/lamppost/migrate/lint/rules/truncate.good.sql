delete from birthday.people where id = 7;
