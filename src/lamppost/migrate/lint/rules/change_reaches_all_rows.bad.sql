update birthday.people set timezone = 'UTC' where 1 = 1;
