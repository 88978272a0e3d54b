# Addresses and paths of a Debian host: sed -f host.sed nginx.conf > /etc/nginx/nginx.conf
1i user www-data;
s|/tmp/nginx.pid|/run/nginx.pid|
s|/dev/stderr|/var/log/nginx/error.log|
s|/dev/stdout|/var/log/nginx/access.log|
s|/var/cache/nginx|/var/lib/nginx|
/Docker's resolver/d
/resolver 127/d
s|web:8000|127.0.0.1:8000|
s|listen 8080|listen 80|
s|listen 8443|listen 443|
s|/run/secrets|/etc/readroom/tls|
