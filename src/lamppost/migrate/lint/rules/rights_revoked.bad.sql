revoke select on birthday.people from birthday_app;
