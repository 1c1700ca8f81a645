"""Settings of the gateway."""

from pydantic import Field, SecretStr

from libs.common.config import MATCH_KEY, CommonSettings


class Settings(CommonSettings):
    """What only the gateway needs: how the world reaches it, and how it keeps the secrets of connections."""

    public_url: str = Field(
        default="http://127.0.0.1:8080",
        description="base URL under which CRMs and browsers see the gateway; signatures are checked against it, never against Host",
    )
    secrets_key: SecretStr = Field(
        default=SecretStr(""),
        description="Fernet key that the secrets of connections are encrypted with; while one is replaced: new,old",
    )

    match_key: SecretStr = Field(default=SecretStr(""), description=MATCH_KEY)

    webhook_max_bytes: int = Field(default=1024 * 1024, ge=1024, description="largest body of one delivery")
    webhook_queue: int = Field(
        default=5000, ge=1, description="deliveries that may wait to be stored; more are told to come again"
    )
    webhook_flush_rows: int = Field(default=500, ge=1, description="most deliveries that share one commit")
    webhook_flush_bytes: int = Field(
        default=8 * 1024 * 1024, ge=1, description="most bytes of bodies that share one commit"
    )
    webhook_store_timeout_s: float = Field(
        default=4.0, gt=0, description="longest wait for a commit; HubSpot gives up after 5 s"
    )
    connection_refresh_s: float = Field(
        default=2.0, gt=0, description="age after which the connections in memory are read again"
    )

    understand_at_once: int = Field(
        default=20,
        ge=0,
        description="so many waiting deliveries are understood in the transaction that stores them; more, by the worker",
    )
    understand_batch: int = Field(default=200, ge=1, description="most deliveries that one transaction understands")
    understand_poll_s: float = Field(
        default=0.1, gt=0, description="how often unprocessed deliveries are looked for without a wake-up"
    )
    fetch_timeout_s: float = Field(default=10.0, gt=0, description="longest wait for one answer of a CRM")
    fetch_concurrency: int = Field(default=4, ge=1, description="batches that are asked of one CRM at the same time")
    fetch_allow: str = Field(
        default="",
        description="hosts, comma separated, that may be fetched from although they are not on the public internet or speak http",
    )
    compare_every_s: float = Field(
        default=3600.0, gt=0, description="how often the deals of a connection are compared with those of its CRM"
    )
    compare_requests_per_s: float = Field(
        default=2.0, gt=0, description="most requests a second that a comparison makes of one CRM"
    )
    compare_patience_s: float = Field(
        default=120.0, ge=0, description="longest that one comparison waits altogether for a CRM that refuses to answer"
    )
    compare_settled_s: float = Field(
        default=300.0,
        ge=0,
        description="age below which a change may still be on its way and is not compared; above a CRM's usual delay",
    )
    compare_fetched_back: int = Field(
        default=10_000, ge=1, description="most differing deals that one comparison looks at again and asks back"
    )
    raw_body_retention_days: int = Field(
        default=30, ge=1, description="age at which raw bodies of deliveries are removed"
    )
