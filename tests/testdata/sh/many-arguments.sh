# An exec whose arguments are more than a megabyte: the new program has them all.
seq 1 200000 | xargs -s 1900000 echo | wc
seq 1 200000 | xargs -s 1900000 echo | md5sum
