import { index, lines, optional } from './hub.ts'
import type { Project } from './projects.ts'

const env = `from alembic import context
from sqlalchemy import create_engine

with create_engine("sqlite:///hub.db").connect() as connection:
    context.configure(connection=connection, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    if hasattr(connection, "commit"):
        connection.commit()
`
const ini = '[alembic]\nscript_location = alembic\nsqlalchemy.url = sqlite:///hub.db\n'

const servers = `sa.Column("id", sa.String(100), nullable=False),
        sa.Column("hostname", sa.String(255), nullable=False),
${lines(optional.servers, name => `        sa.Column("${name}", sa.String(255)),`)}
        sa.Column("status", sa.String(20), server_default="unknown"),
${lines(optional.system, name => `        sa.Column("${name}", sa.String(100)),`)}
        sa.Column("tdp_watts", sa.Integer()),
        sa.Column("last_seen", sa.DateTime()),
        sa.Column("created_at", sa.DateTime(), server_default=sa.func.now()),
        sa.Column("updated_at", sa.DateTime(), server_default=sa.func.now()),`
const metrics = `sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.String(100), nullable=False),
        sa.Column("timestamp", sa.DateTime(), nullable=False),
${lines(optional.reals, name => `        sa.Column("${name}", sa.Float()),`)}
${lines(optional.integers, name => `        sa.Column("${name}", sa.BigInteger()),`)}`

const header = `import sqlalchemy as sa
from alembic import op

`

const plain = `${header}revision = "2e6e20f4bc94"
down_revision = None


def upgrade():
    op.create_table(
        "servers",
        ${servers}
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "metrics",
        ${metrics}
        sa.ForeignKeyConstraint(["server_id"], ["servers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("${index}", "metrics", ["server_id", "timestamp"])
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.String(100), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("threshold", sa.Integer(), server_default="22", nullable=False),
        sa.Column("severity", sa.Enum("info", "warning", "critical", name="severity"), server_default="info", nullable=False),
        sa.ForeignKeyConstraint(["server_id"], ["servers.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
`

/** Without its last columns, which a second revision adds by copying the table. */
const before = `${header}revision = "5d1c0a7e9b32"
down_revision = None


def upgrade():
    op.create_table(
        "servers",
        ${servers}
        sa.PrimaryKeyConstraint("id", name=op.f("pk_servers")),
    )
    op.create_table(
        "metrics",
        ${metrics}
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metrics")),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
`
const batch = `${header}revision = "8f3b6c21d0aa"
down_revision = "5d1c0a7e9b32"


def upgrade():
    with op.batch_alter_table("metrics", recreate="always") as table:
        table.create_foreign_key("fk_metrics_server_id_servers", "servers", ["server_id"], ["id"])
        table.create_index("${index}", ["server_id", "timestamp"])
    with op.batch_alter_table("alerts", recreate="always") as table:
        table.add_column(
            sa.Column("is_enabled", sa.Boolean(create_constraint=True, name="ck_alerts_is_enabled"), server_default=sa.text("1"), nullable=False)
        )
        table.add_column(sa.Column("threshold", sa.Integer(), server_default=sa.text("22"), nullable=False))
        table.add_column(
            sa.Column(
                "severity",
                sa.Enum("info", "warning", "critical", name="ck_alerts_severity", create_constraint=True),
                server_default="info",
                nullable=False,
            )
        )
        table.create_foreign_key("fk_alerts_server_id_servers", "servers", ["server_id"], ["id"])
`

const models = `from django.db import models


class Server(models.Model):
    id = models.TextField(primary_key=True)
    hostname = models.CharField(max_length=255)
${lines([...optional.servers, 'status', ...optional.system], name => `    ${name} = models.CharField(max_length=255, null=True)`)}
    tdp_watts = models.IntegerField(null=True)
    last_seen = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "servers"


class Metric(models.Model):
    id = models.AutoField(primary_key=True)
    server = models.ForeignKey(Server, on_delete=models.CASCADE)
    timestamp = models.DateTimeField()
${lines(optional.reals, name => `    ${name} = models.FloatField(null=True)`)}
${lines(optional.integers, name => `    ${name} = models.BigIntegerField(null=True)`)}

    class Meta:
        db_table = "metrics"
        indexes = [models.Index(fields=["server", "timestamp"], name="${index}")]


class Alert(models.Model):
    id = models.AutoField(primary_key=True)
    server = models.ForeignKey(Server, on_delete=models.CASCADE)
    is_enabled = models.BooleanField(default=True)
    threshold = models.IntegerField(default=22)
    severity = models.CharField(
        max_length=10, default="info", choices=[(name, name) for name in ("info", "warning", "critical")]
    )

    class Meta:
        db_table = "alerts"
`
const settings = `SECRET_KEY = "none"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "hub"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "hub.db"}}
`

const sqlalchemy = {
  pip: ['alembic'],
  debian: [
    'python3-alembic',
    'python3-sqlalchemy',
    'python3-mako',
    'python3-markupsafe',
    'python3-pkg-resources',
    'python3-greenlet',
  ],
}
const alembic = (tool: string, versions: Readonly<Record<string, string>>): Project => ({
  tool,
  from: sqlalchemy,
  commands: [['python3', '-c', 'from alembic.config import main; main(argv=["upgrade", "head"])']],
  version: ['python3', '-c', 'import alembic; print(alembic.__version__)'],
  files: { 'alembic.ini': ini, 'alembic/env.py': env, ...versions },
})

export const inPython: readonly Project[] = [
  alembic('alembic', { 'alembic/versions/2e6e20f4bc94_hub.py': plain }),
  alembic('alembic-batch', {
    'alembic/versions/5d1c0a7e9b32_hub.py': before,
    'alembic/versions/8f3b6c21d0aa_alerts.py': batch,
  }),
  {
    tool: 'django',
    from: { pip: ['django'], debian: ['python3-django', 'python3-asgiref', 'python3-sqlparse', 'python3-tz'] },
    commands: [
      ['python3', '-m', 'django', 'makemigrations', 'hub', '--settings=settings', '--pythonpath=.'],
      ['python3', '-m', 'django', 'migrate', '--settings=settings', '--pythonpath=.'],
    ],
    version: ['python3', '-m', 'django', '--version'],
    files: { 'settings.py': settings, 'hub/__init__.py': '', 'hub/models.py': models },
  },
]
