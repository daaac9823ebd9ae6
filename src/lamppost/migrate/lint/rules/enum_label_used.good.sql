alter type birthday.mood add value 'merry';
