grant select, insert on birthday.people to birthday_app;
