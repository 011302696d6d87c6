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

EXCLUDED = frozenset(
    "flask click requests httpx starlette aiohttp fastapi pydantic model2vec semble axios express redux trpc zod gin "
    "cobra chi axum serde gson sinatra rack libuv guzzle monolog lazy.nvim telescope.nvim plug dapper fmt bats-core "
    "nvm astropy django matplotlib pylint pytest scikit-learn sphinx sqlfluff sympy xarray conan reflex "
    "streamlink".split()
)


def excluded(path: str) -> bool:
    """Whether a folder or file of `path` carries the name of an excluded project, as a vendored copy does."""
    parts = [part.lstrip("_") for part in path.lower().replace("\\", "/").split("/")]
    return any(part in EXCLUDED or part.rpartition(".")[0] in EXCLUDED for part in parts)
