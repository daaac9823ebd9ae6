grant select on birthday.people to birthday_app;
