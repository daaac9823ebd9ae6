update birthday.people set timezone = 'UTC' where id = 7;
