grant all on birthday.people to public;
