"""What the embedding model learns from: public projects under permissive licences, and those it must never see.

Data only. `EXCLUDED` are the projects that measure the model, here and elsewhere; copies of them inside other projects
are left out too.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A project as `owner/name`, the revision it was read at, and its licence by SPDX name."""

    project: str
    revision: str
    licence: str


SOURCES = tuple(
    Source(*line.split())
    for line in """
Alamofire/Alamofire 7595cbcf59 MIT
App-vNext/Polly 173d6d1d2e BSD-3-Clause
AutoMapper/AutoMapper 4b9633f60e MIT
BurntSushi/ripgrep 3fce3b5bb0 MIT
FluentValidation/FluentValidation ea299fe597 Apache-2.0
JamesNK/Newtonsoft.Json 09bb545d72 MIT
Kong/kong 22246ef28c MIT
Kotlin/kotlinx.coroutines 792ac67bdc Apache-2.0
abseil/abseil-cpp 926f1d05a4 Apache-2.0
actix/actix-web 4dc9f1d388 Apache-2.0
apache/commons-lang d15939ef46 Apache-2.0
apple/swift-nio 63018571c8 Apache-2.0
asdf-vm/asdf 25b3911c72 MIT
caddyserver/caddy 0cf03d32f7 Apache-2.0
celery/celery 5dc781f0bd BSD-3-Clause
clap-rs/clap 6982fb1c98 Apache-2.0
curl/curl 5c61e16869 curl
dask/dask 817e5ffc12 BSD-3-Clause
dokku/dokku 33896f5d7e MIT
elixir-ecto/ecto c624abf429 Apache-2.0
elixir-lang/elixir 63a7a054ce Apache-2.0
etcd-io/etcd c34dc7ee00 Apache-2.0
expressjs/multer 0adb21d029 MIT
fastify/fastify 83e69762af MIT
gabime/spdlog 62302019ba MIT
gohugoio/hugo 7b5199fdef Apache-2.0
google/leveldb 78a352f47e BSD-3-Clause
haskell/cabal f5319cdb19 BSD-3-Clause
haskell-servant/servant 6a594bc5b5 BSD-3-Clause
hyperium/hyper 8fcaf1a627 MIT
jekyll/jekyll 202df57131 MIT
jqlang/jq 579e6f76cf MIT
koajs/koa e0ba8ef39d MIT
ktorio/ktor ef92e5537d Apache-2.0
labstack/echo 05489dc173 MIT
laravel/framework bd71b45fbb MIT
libevent/libevent 0c3e47ad5f BSD-3-Clause
mitmproxy/mitmproxy 8fc25b3045 MIT
mockito/mockito ee8a330da0 MIT
neovim/nvim-lspconfig 221c438843 Apache-2.0
nlohmann/json 199dea11b1 MIT
nvim-lua/plenary.nvim b9fd5226c2 MIT
nvim-treesitter/nvim-treesitter bd41519ff7 Apache-2.0
ohmyzsh/ohmyzsh 830a5bcfd2 MIT
pallets/jinja 5ef70112a1 BSD-3-Clause
pallets/werkzeug 1b00618e78 BSD-3-Clause
phoenixframework/phoenix 167c46950c MIT
playframework/playframework 1a666e1866 Apache-2.0
prometheus/prometheus d15adb9ad7 Apache-2.0
psf/black 8947c48ef2 MIT
puma/puma ff2e2126ee BSD-3-Clause
pyenv/pyenv bec9a562a5 MIT
rails/rails 2a2db1e8d6 MIT
rbenv/rbenv 23c3041695 MIT
rubocop/rubocop 3a42c62217 MIT
scrapy/scrapy 11079cb1c8 BSD-3-Clause
serilog/serilog 60935b4d7a Apache-2.0
slimphp/Slim 038fd5713d MIT
socketio/socket.io d2d753fed4 MIT
spf13/viper 528f7416c4 MIT
sqlalchemy/sqlalchemy f35da7e2b9 MIT
square/okhttp 1682d9bac8 Apache-2.0
square/retrofit 0b118105fe Apache-2.0
symfony/console 6b099f3306 MIT
thephpleague/flysystem 072735c56c MIT
tokio-rs/tokio ea91b33ca5 MIT
tornadoweb/tornado e530031405 Apache-2.0
twigphp/Twig f3db1d1a0c BSD-3-Clause
typelevel/cats 7f2dce5162 MIT
typeorm/typeorm 281bfba42a MIT
vapor/vapor 13efaeefd5 MIT
vitejs/vite a98c8d95d5 MIT
vuejs/core e2bede9613 MIT
webpack/webpack bc3e930f75 MIT
yesodweb/yesod 4d3fcc460f MIT
zigtools/zls 113f79a1d1 MIT
""".strip().splitlines()
)


@dataclass(frozen=True, slots=True)
class Package:
    """An installed Python package: the folder it is imported from, its distribution, version and licence."""

    folder: str
    distribution: str
    version: str
    licence: str


PACKAGES = tuple(
    Package(*line.split())
    for line in """
accelerate accelerate 1.15.0 Apache-2.0
alembic alembic 1.20.1 MIT
anyio anyio 4.16.0 MIT
apprise apprise 1.13.1 BSD-2-Clause
apscheduler apscheduler 3.11.3 MIT
beartype beartype 0.23.1 MIT
bokeh bokeh 3.9.2 BSD-3-Clause
boto3 boto3 1.44.5 Apache-2.0
botocore botocore 1.44.5 Apache-2.0
coverage coverage 7.17.3 Apache-2.0
cyclopts cyclopts 5.4.0 Apache-2.0
datasets datasets 5.2.0 Apache-2.0
distributed distributed 2026.8.0 BSD-3-Clause
dns dnspython 2.9.2 ISC
docker docker 7.2.0 Apache-2.0
evaluate evaluate 0.4.6 Apache-2.0
falcon falcon 4.4.0 Apache-2.0
flake8 flake8 7.5.0 MIT
fontTools fonttools 4.68.0 MIT
fsspec fsspec 2026.9.0 BSD-3-Clause
git GitPython 3.2.1 BSD-3-Clause
graphene graphene 2.0 MIT
graphql graphql-core 3.3.2 MIT
gunicorn gunicorn 27.0.1 MIT
gymnasium gymnasium 1.4.0 MIT
h5py h5py 3.16.0 BSD-3-Clause
huggingface_hub huggingface_hub 2.4.0 Apache-2.0
hypercorn hypercorn 0.18.0 MIT
invoke invoke 2.2.1 BSD-2-Clause
IPython ipython 9.18.1 BSD-3-Clause
isort isort 9.0.2 MIT
jedi jedi 0.20.1 MIT
joblib joblib 1.6.0 BSD-3-Clause
jsonschema jsonschema 4.26.0 MIT
jupyter_client jupyter-client 8.10.0 BSD-3-Clause
kombu kombu 5.7.0 BSD-3-Clause
luigi luigi 3.8.1 Apache-2.0
mako mako 1.4.3 MIT
markdown Markdown 3.11.3 BSD-3-Clause
markdown_it markdown-it-py 4.3.0 MIT
mlflow mlflow-skinny 3.17.2 Apache-2.0
mypy mypy 2.4.1 MIT
narwhals narwhals 2.28.0 MIT
networkx networkx 3.6.1 BSD-3-Clause
nltk nltk 3.10.4 Apache-2.0
nox nox 2026.10.20 Apache-2.0
numpy numpy 2.4.6 BSD-3-Clause
oauthlib oauthlib 4.0.1 BSD-3-Clause
optuna optuna 5.0.0 MIT
pandas pandas 3.1.1 BSD-3-Clause
peft peft 0.21.2 Apache-2.0
pendulum pendulum 3.3.0 MIT
PIL pillow 13.0.0 MIT-CMU
plotly plotly 7.1.0 MIT
poetry poetry-core 2.5.0 MIT
prefect prefect 3.8.8 Apache-2.0
prometheus_client prometheus-client 0.26.0 Apache-2.0
prompt_toolkit prompt-toolkit 3.0.53 BSD-3-Clause
pygments Pygments 2.21.0 BSD-2-Clause
pymongo pymongo 4.20.0 Apache-2.0
redis redis 5.3.1 MIT
rich rich 15.0.0 MIT
sanic sanic 25.12.1 MIT
scipy scipy 1.17.1 BSD-3-Clause
seaborn seaborn 0.13.2 BSD-3-Clause
sentence_transformers sentence-transformers 6.2.0 Apache-2.0
setuptools setuptools 81.0.0 MIT
spacy spacy 3.8.18 MIT
sqlglot sqlglot 30.30.0 MIT
statsmodels statsmodels 0.15.0 BSD-3-Clause
strawberry strawberry-graphql 0.341.2 MIT
textual textual 8.2.8 MIT
torch torch 2.13.0 BSD-3-Clause
tortoise tortoise-orm 1.1.9 Apache-2.0
tox tox 4.67.13 MIT
transformers transformers 5.23.0 Apache-2.0
trio trio 0.35.0 MIT
twisted Twisted 26.10.0 MIT
typer typer 0.29.2 MIT
urllib3 urllib3 2.8.0 MIT
uvicorn uvicorn 0.54.0 BSD-3-Clause
virtualenv virtualenv 21.15.7 MIT
watchdog watchdog 7.1.0 Apache-2.0
websockets websockets 16.1.1 BSD-3-Clause
zmq pyzmq 27.3.0 BSD-3-Clause
""".strip().splitlines()
)

EXCLUDED = frozenset(
    "flask click requests httpx starlette aiohttp fastapi pydantic model2vec semble axios express redux trpc zod gin "
    "cobra chi axum serde gson sinatra rack libuv guzzle monolog lazy.nvim telescope.nvim plug dapper fmt bats-core "
    "nvm astropy django matplotlib pylint pytest scikit-learn sphinx sqlfluff sympy xarray conan reflex "
    "streamlink".split()
)


# Sources that measure the recipe and are not learned from: nine languages, small to middling.
HELD_OUT = frozenset(
    "koajs/koa spf13/viper square/retrofit pallets/jinja typelevel/cats jqlang/jq puma/puma slimphp/Slim "
    "nvim-lua/plenary.nvim rich".split()
)

# Other names that copies and parts of the excluded projects go by.
_ALIASES = frozenset("sklearn httpx2 httpcore2 pydantic_core pydantic_settings mpl_toolkits _pytest libfmt".split())


def excluded(path: str) -> bool:
    """Whether a folder or file of `path` carries the name of an excluded project, as a vendored copy does."""
    names = {name for part in path.lower().replace("\\", "/").split("/") for name in (part, part.rpartition(".")[0])}
    bare = {name.lstrip("_").replace("_", "-") for name in names}
    return bool((names | bare) & (EXCLUDED | _ALIASES))
