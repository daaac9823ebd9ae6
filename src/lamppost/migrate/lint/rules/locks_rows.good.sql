select id from birthday.people where id = 7 for update;
