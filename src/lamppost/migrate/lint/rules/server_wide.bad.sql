alter role birthday_app superuser;
