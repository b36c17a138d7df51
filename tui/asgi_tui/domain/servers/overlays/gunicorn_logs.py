"""gunicorn's options for logs and metrics, as in gunicorn/config.py and gunicorn/glogging.py."""

from __future__ import annotations

from asgi_tui.domain.options import Option, option
from asgi_tui.domain.values import Kind

_FACILITIES = (
    *("user", "daemon", "auth", "authpriv", "cron", "ftp", "kern", "lpr", "mail", "news", "security"),
    *("syslog", "uucp", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
)

LOGS: tuple[Option, ...] = (
    option(
        "log_level",
        Kind.CHOICE,
        "Logs",
        "Least severe message the server logs. Use debug to look into a problem, warning to have it quiet.",
        choices=("critical", "error", "warning", "info", "debug"),
        default="info",
        basic=True,
        concept="log_level",
        setting="loglevel",
    ),
    option(
        "access_logfile",
        Kind.PATH,
        "Logs",
        "File for one line about each request; - is standard output. gunicorn writes none by itself.",
        basic=True,
        concept="access_log",
        wide=True,
        topic="access_log_file",
        setting="accesslog",
    ),
    option(
        "access_logformat",
        Kind.TEXT,
        "Logs",
        "Form of a line in the access log, with fields such as %(r)s for the request, %(s)s for the status "
        "and %(L)s for the seconds.",
        default='%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
        topic="access_log_format",
        setting="access_log_format",
    ),
    option(
        "error_logfile",
        Kind.PATH,
        "Logs",
        "File for the server's own messages; - is standard error. With a file they no longer show in the "
        "console.",
        flags=("--error-logfile", "--log-file"),
        default="-",
        topic="error_log_file",
        setting="errorlog",
    ),
    option(
        "capture_output",
        Kind.FLAG,
        "Logs",
        "Write what the app prints to the error log's file too. It does nothing while that log goes to "
        "standard error.",
        default=False,
        setting="capture_output",
    ),
    option(
        "log_config",
        Kind.PATH,
        "Logs",
        "File with settings for Python's logging, in the ini form. Use it to log elsewhere or in another "
        "form.",
        paths="file",
        topic="log_config",
        setting="logconfig",
    ),
    option(
        "log_config_json",
        Kind.PATH,
        "Logs",
        "JSON file with settings for Python's logging, in place of the ini form; it wins over that.",
        paths="file",
        since="21.0.0",
        setting="logconfig_json",
    ),
    option(
        "logger_class",
        Kind.TEXT,
        "Logs",
        "Class that writes gunicorn's logs, as an import path. Replace it where settings alone do not reach.",
        default="gunicorn.glogging.Logger",
        setting="logger_class",
    ),
    option(
        "log_syslog",
        Kind.FLAG,
        "Logs",
        "Send the logs to syslog as well, where a machine collects all its logs there.",
        default=False,
        setting="syslog",
    ),
    option(
        "log_syslog_to",
        Kind.TEXT,
        "Logs",
        "Address of syslog: unix://path, udp://host:port or tcp://host:port. Unless set, the usual one of "
        "the system.",
        setting="syslog_addr",
    ),
    option(
        "log_syslog_prefix",
        Kind.TEXT,
        "Logs",
        "Name of the program in syslog, to tell several servers apart. Unless set, the name of the process.",
        setting="syslog_prefix",
    ),
    option(
        "log_syslog_facility",
        Kind.CHOICE,
        "Logs",
        "Facility under which syslog files the messages. local0 to local7 are free for one's own rules.",
        choices=_FACILITIES,
        default="user",
        setting="syslog_facility",
    ),
    option(
        "disable_redirect_access_to_syslog",
        Kind.FLAG,
        "Logs",
        "Keep the access log out of syslog and send only the server's own messages there.",
        default=False,
        setting="disable_redirect_access_to_syslog",
    ),
    option(
        "enable_stdio_inheritance",
        Kind.FLAG,
        "Logs",
        "Keep standard output and error in a daemon, which would else lose them. Without a daemon it does "
        "nothing.",
        flags=("--enable-stdio-inheritance", "-R"),
        default=False,
        setting="enable_stdio_inheritance",
    ),
    option(
        "statsd_host",
        Kind.TEXT,
        "Metrics",
        "Address of a StatsD server that gets figures about requests: host:port or unix://path.",
        topic="statsd_host",
        setting="statsd_host",
    ),
    option(
        "statsd_prefix",
        Kind.TEXT,
        "Metrics",
        "Prefix of the names sent to StatsD, to tell several servers apart.",
        default="",
        topic="statsd_prefix",
        setting="statsd_prefix",
    ),
    option(
        "dogstatsd_tags",
        Kind.TEXT,
        "Metrics",
        "Tags added to what is sent to StatsD, as name:value separated by commas. Datadog's dialect only.",
        default="",
        setting="dogstatsd_tags",
    ),
    option(
        "enable_backlog_metric",
        Kind.FLAG,
        "Metrics",
        "Also tell StatsD how many connections wait to be accepted. Linux only.",
        default=False,
        since="24.1.0",
        setting="enable_backlog_metric",
    ),
)
