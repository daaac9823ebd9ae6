select id from birthday.people for update;
