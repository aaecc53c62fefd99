"""Clew's own patterns for robots that the crawler-user-agents list lacks.

Each pattern is matched anywhere in the User-Agent and is case-sensitive. A pattern must be specific: a product
token with its version, or a name that no device and no browser carries. Dalvik and CFNetwork are not listed,
because the apps that people use send them.
"""

import re

DATE = "20261127"
"""Date of the last change to these patterns; part of the enrichment epoch."""

PREVIEWS = (
    r"Bluesky Cardyb", r"WhatsApp/\d", r"TelegramBot", r"Discordbot", r"Slackbot", r"Slack-ImgProxy", r"^Signal\b",
    r"SkypeUriPreview", r"^Viber", r"line-poker", r"LinePreview", r"kakaotalk-scrap", r"kakaostory-og-reader",
    r"Mastodon/\d", r"^http\.rb/\d", r"Misskey/\d", r"SummalyBot", r"Pleroma \d", r"Akkoma \d", r"Lemmy/\d",
    r"Friendica", r"Embedly", r"[Ii]framely", r"LinkPreview", r"^Synapse", r"meta-externalfetcher", r"Twitterbot",
    r"MicrosoftPreview", r"BingPreview", r"Zoom\.?Bot", r"Mattermost-Bot", r"^Rocket\.?Chat", r"opengraph\.io",
    r"Snap URL Preview Service", r"Google-PageRenderer", r"Notion(Bot|EmbedBot)", r"^Peer[Tt]ube", r"MatrixBot",
)  # fmt: skip
MAIL = (
    r"BarracudaCentral", r"Barracuda Sentinel", r"[Pp]roofpoint", r"[Mm]imecast", r"SafeLinks", r"GoogleImageProxy",
    r"YahooMailProxy", r"YahooCacheSystem", r"^Symantec", r"^MessageLabs", r"^IronPort", r"^Sophos", r"^Forcepoint",
    r"urlscan\.io", r"VirusTotal", r"CheckPhish", r"NetcraftSurveyAgent", r"^Zscaler",
)  # fmt: skip
AI = (
    r"GPTBot", r"ChatGPT-User", r"OAI-SearchBot", r"ClaudeBot", r"Claude-(User|Web|SearchBot)", r"anthropic-ai",
    r"Perplexity(Bot|-User)", r"Bytespider", r"CCBot", r"[Mm]eta-[Ee]xternal", r"Amazonbot", r"Applebot",
    r"Google-Extended", r"GoogleOther", r"Google-(CloudVertexBot|NotebookLM|Agent)", r"cohere-(ai|training)",
    r"MistralAI-User", r"DuckAssistBot", r"FirecrawlAgent", r"DeepSeekBot", r"Gemini-Deep-Research", r"img2dataset",
)  # fmt: skip
MONITORS = (
    r"UptimeRobot", r"[Pp]ingdom", r"StatusCake", r"Better ?(Stack|Uptime)", r"Site24x7", r"Datadog[ /S]",
    r"NewRelic(Pinger|Synthetics)?[ /]", r"Uptime-?Kuma", r"HetrixTools", r"Checkly[ /]", r"Catchpoint",
    r"[Uu]pdown\.io", r"[Uu]ptime\.com", r"GTmetrix", r"Lighthouse", r"PTST/\d", r"^Zabbix", r"^check_http",
    r"^Prometheus/", r"Blackbox[ _-]Exporter", r"kube-probe/", r"ELB-HealthChecker", r"GoogleHC/",
    r"GoogleStackdriverMonitoring", r"Amazon-Route53-Health", r"^Amazon CloudFront",
    r"Cloudflare-(Healthchecks|Traffic-Manager|AlwaysOnline)", r"^Cronitor", r"Oh ?Dear", r"^Hyperping", r"^k6/\d",
    r"SentryUptimeBot", r"CloudWatchSynthetics", r"^Monit/\d", r"^Pulsetic",
)  # fmt: skip
LIBRARIES = (
    r"^curl/", r"^libcurl", r"^[Ww]get2?/", r"[Pp]ython-requests/", r"[Pp]ython-httpx/", r"aiohttp/\d",
    r"Python-urllib", r"urllib3/", r"^Go-http-client/", r"^Java/\d", r"Java-http-client/",
    r"Apache-Http(Async)?Client/", r"^axios/", r"^node-fetch", r"^undici", r"^node$", r"^Node\.js/", r"^Deno/",
    r"^Bun/\d", r"^got[ /]", r"^superagent/", r"^libwww-perl", r"^lwp-", r"^LWP::", r"^GuzzleHttp", r"^Ruby$",
    r"^Faraday ", r"^HTTPie/", r"^PostmanRuntime/", r"^insomnia/", r"^RestSharp/", r"^reqwest/", r"^hyper/\d",
    r"PowerShell/", r"^Symfony", r"^WordPress/", r"^Scrapy/", r"^colly\b", r"^fasthttp", r"^hackney/", r"^Typhoeus",
    r"^PHP/\d", r"^Dart/\d", r"^Mojolicious", r"^Embarcadero URI Client",
    r"^Microsoft Office (Existence|Protocol) Discovery",
    r"^(?i:[a-z0-9._\-]{0,32}(http|java|python|curl|urllib|-client)[a-z0-9._\-]{0,32})/\d",
)  # fmt: skip
HEADLESS = (
    r"HeadlessChrome", r"HeadlessEdg", r"PhantomJS", r"[Pp]uppeteer", r"[Pp]laywright", r"[Ss]elenium[ /]",
    r"SlimerJS", r"CasperJS", r"Cypress/\d", r"jsdom/\d", r"HtmlUnit", r"Rendertron", r"^Browserless",
)  # fmt: skip
SEARCH = (
    r"Ahrefs(Bot|SiteAudit)", r"Semrush", r"MJ12bot", r"DotBot", r"Screaming Frog", r"Sitebulb", r"DataForSeo",
    r"CensysInspect", r"Expanse, a Palo Alto", r"masscan/", r"zgrab/", r"Nmap Scripting", r"sqlmap/",
    r"Google-(InspectionTool|Site-Verification|Read-Aloud|Safety)",
)  # fmt: skip
GENERIC = (
    r"\+ ?https?://", r"[Bb]ot/v?\d", r"BOT/v?\d", r"compatible; [A-Za-z0-9_.\-]{0,40}([Bb]ot|[Ss]pider|[Cc]rawler)\b",
    r"[Cc]rawler/v?\d", r"[Ss]pider/v?\d", r"^[A-Za-z0-9_.\-]{0,40}([Bb]ot|[Cc]rawler|[Ss]craper|[Ff]etcher)$",
    r"^Mozilla/\d\.\d \(compatible; [A-Za-z]",
)  # fmt: skip
"""Forms by which robots name themselves: an address for the site's owner, `...bot/1.0`, or only `compatible`."""

PATTERNS = PREVIEWS + MAIL + AI + MONITORS + LIBRARIES + HEADLESS + SEARCH + GENERIC

_ANYWHERE = re.compile(
    r"C[Uu][Bb][Oo][Tt]|c[Uu][Bb][Oo][Tt]"  # a maker of phones
    r"|Build/[\w.]+"  # firmware of an Android device
    r"|Sonic Slack_SSB"
)
"""Each alternative begins with a letter, which the engine looks for first; another form is ten times slower."""
_AT_START = re.compile(
    r"Mozilla/\d\.\d \(compatible; (?:MSIE|Konqueror|IBrowse|iCab|Netscape|OmniWeb|Opera|NetPositive|ABrowse|AOL|U;"
    r"|ms-office)"
)
_AT_END = re.compile(r" (?:WhatsApp|Viber|MetaIAB Facebook|Tumblr|PayPal|Grammarly|Goodreads)(?:/[\d.]+)?$")
"""An app that shows a page in its own browser; the space before it stays."""
_ELECTRON = " Electron/"
_VERSION_OF_DESKTOP_APP = re.compile(r"/[\d.]+(?= Chrome/[\d.]+ Electron/)")
_NAME_REVERSED = re.compile(r"[\w.\-]+")


def without_people(text: str) -> str:
    """Remove the phrases of people's agents that a robot's pattern also matches.

    Only another sign then makes an agent a robot's. The name of an app at the end of an agent is that of a browser
    inside the app, if something precedes it. The time is proportional to the length: one regular expression for all
    phrases would read a long word again from each of its letters.
    """
    start, end = _AT_START.match(text), _AT_END.search(text)
    middle = text[start.end() if start else 0 : end.start() + 1 if end else None]
    middle = _without_desktop_apps(middle) if _ELECTRON in middle else _ANYWHERE.sub("", middle)
    return middle + text[end.end() :] if end else middle


def _without_desktop_apps(text: str) -> str:
    """Remove `Name/1.0` before `Chrome/1.0 Electron/`, and the phrases that may be anywhere, from left to right."""
    kept, at = [], 0
    found = _ANYWHERE.search(text)
    for version in _VERSION_OF_DESKTOP_APP.finditer(text):
        name = _NAME_REVERSED.match(text[at : version.start()][::-1])
        begin = version.start() - (name.end() if name else 0)
        while found and found.start() <= begin:
            kept.append(text[at : found.start()])
            at = found.end()
            begin, found = max(at, begin), _ANYWHERE.search(text, at)
        if begin < version.start():
            kept.append(text[at:begin])
            at = version.end()
            if found and found.start() < at:
                found = _ANYWHERE.search(text, at)
    kept.append(_ANYWHERE.sub("", text[at:]))
    return "".join(kept)
