"""Mail providers: those whose addresses are thrown away after use, and those that give everybody an address.

The lists were made in November 2026 from the providers' own pages. They are short on purpose: they hold what is common,
and the score, not a refusal, uses them.
"""

_DISPOSABLE = """
    0-mail.com 10minutemail.com 10minutemail.net 20minutemail.com 33mail.com anonbox.net anonymbox.com bccto.me
    burnermail.io byom.de crazymailing.com deadaddress.com discard.email discardmail.com discardmail.de
    dispostable.com dropmail.me emailfake.com emailondeck.com emailsensei.com emailtemporanea.com emltmp.com
    fakeinbox.com fakemail.net fakemailgenerator.com filzmail.com generator.email getairmail.com getnada.com grr.la
    guerrillamail.biz guerrillamail.com guerrillamail.de guerrillamail.info guerrillamail.net guerrillamail.org
    guerrillamailblock.com harakirimail.com inboxbear.com inboxkitten.com incognitomail.org jetable.org kurzepost.de
    luxusmail.org mail-temporaire.fr mailcatch.com maildrop.cc mailexpire.com mailforspam.com mailinator.com
    mailinator.net mailinator2.com mailnesia.com mailnull.com mailpoof.com mailsac.com mailtemp.info mailto.plus
    meltmail.com minutemail.co mintemail.com moakt.com mohmal.com mt2015.com mvrht.com mytemp.email mytrashmail.com
    nada.email nowmymail.com objectmail.com one-time.email owlpic.com pokemail.net proxymail.eu rcpt.at
    sharklasers.com shieldemail.com sneakemail.com sofort-mail.de spam4.me spambog.com spambox.us spamex.com
    spamfree24.org spamgourmet.com spamhole.com spaml.com tempail.com temp-mail.io temp-mail.org tempinbox.com
    tempmail.com tempmail.de tempmail.dev tempmail.net tempmail.plus tempmailo.com tempomail.fr temporaryemail.net
    temporarymail.com tempr.email throwam.com throwawaymail.com tmail.ws tmailor.com tmpmail.net tmpmail.org
    trash-mail.at trash-mail.com trash-mail.de trashmail.at trashmail.com trashmail.de trashmail.io trashmail.me
    trashmail.net trashmail.ws trbvm.com wegwerfemail.de wegwerfmail.de wegwerfmail.net wegwerfmail.org yopmail.com
    yopmail.fr yopmail.net zetmail.com
"""
_SHARED = """
    aol.com fastmail.com free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com
    hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr icloud.com laposte.net libero.it live.com mail.com
    mail.ru mailbox.org me.com msn.com orange.fr outlook.com outlook.de outlook.es outlook.fr pm.me posteo.de
    proton.me protonmail.com qq.com sfr.fr t-online.de tuta.io tutanota.com wanadoo.fr web.de yahoo.co.uk yahoo.com
    yahoo.de yahoo.es yahoo.fr yandex.com yandex.ru zoho.com 163.com 126.com
"""
DISPOSABLE, SHARED = frozenset(_DISPOSABLE.split()), frozenset(_SHARED.split())


def domain_of(email: str) -> str:
    """Return the domain of a mail address."""
    return email.rpartition("@")[2].strip().rstrip(".").casefold()


def disposable_domain(email: str) -> str:
    """Return the listed domain that an address belongs to, or to a subdomain of which; empty without one."""
    parts = domain_of(email).split(".")
    return next((name for at in range(len(parts) - 1) if (name := ".".join(parts[at:])) in DISPOSABLE), "")


def own_domain(email: str) -> str:
    """Return the domain of an address that belongs to a company or a site; empty for one of a mail provider."""
    domain = domain_of(email)
    return "" if domain in SHARED or disposable_domain(email) else domain
