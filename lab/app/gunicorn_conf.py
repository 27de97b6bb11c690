"""How gunicorn serves the portal: two processes of threads, each with its own small pool."""

wsgi_app = "portal.web:create_app()"
bind = ["[::]:8000"]
workers = 2
worker_class = "gthread"
threads = 8
timeout = 30
graceful_timeout = 5
keepalive = 30
control_socket_disable = True
worker_tmp_dir = "/dev/shm"  # noqa: S108 - gunicorn's heartbeat file must not wait for a disk
