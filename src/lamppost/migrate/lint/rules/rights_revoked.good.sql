revoke all on birthday.people from public;
