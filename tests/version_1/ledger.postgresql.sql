CREATE TABLE public.device (
    device text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    province text NOT NULL COLLATE pg_catalog."C",
    district text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL COLLATE pg_catalog."C",
    gateway text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    first_seen_ns bigint NOT NULL,
    rev bigint NOT NULL
);
CREATE TABLE public.device_kind (
    device text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    rev bigint NOT NULL
);
CREATE TABLE public.fingerprints (
    flush bigint NOT NULL,
    packed bytea NOT NULL
);
CREATE TABLE public.gateway (
    gateway text NOT NULL COLLATE pg_catalog."C",
    province text NOT NULL COLLATE pg_catalog."C",
    online boolean NOT NULL,
    boot text NOT NULL COLLATE pg_catalog."C",
    pending bigint,
    packs bigint NOT NULL,
    spool_bytes bigint NOT NULL,
    at_ns bigint NOT NULL
);
CREATE TABLE public.head (
    id integer NOT NULL,
    flush bigint NOT NULL,
    journal bigint NOT NULL,
    suspect bigint NOT NULL,
    rev bigint NOT NULL,
    folded bigint NOT NULL,
    folded_ns bigint NOT NULL
);
CREATE TABLE public.hourly (
    hour_ns bigint NOT NULL,
    gateway text NOT NULL COLLATE pg_catalog."C",
    device text NOT NULL COLLATE pg_catalog."C",
    received bigint NOT NULL,
    stored bigint NOT NULL,
    duplicate bigint NOT NULL,
    quarantined bigint NOT NULL,
    rejected bigint NOT NULL
);
CREATE TABLE public.journal (
    id bigint NOT NULL,
    at_ns bigint NOT NULL,
    owner text NOT NULL COLLATE pg_catalog."C",
    readings bigint NOT NULL,
    payload bytea NOT NULL
);
CREATE TABLE public.open_hour (
    hour_ns bigint NOT NULL,
    rows bytea NOT NULL
);
CREATE TABLE public.pack_range (
    gateway text NOT NULL COLLATE pg_catalog."C",
    boot text NOT NULL COLLATE pg_catalog."C",
    first bigint NOT NULL,
    last bigint NOT NULL,
    before_first bigint NOT NULL,
    through_last bigint NOT NULL,
    rev bigint NOT NULL
);
CREATE TABLE public.quarantine (
    id bigint NOT NULL,
    hour_ns bigint NOT NULL,
    topic text NOT NULL,
    payload bytea NOT NULL,
    received_ns bigint NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    detail text NOT NULL,
    gateway text NOT NULL COLLATE pg_catalog."C",
    device text NOT NULL COLLATE pg_catalog."C",
    origin text NOT NULL,
    readings bigint NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    tries integer NOT NULL
);
CREATE TABLE public.schema_version (
    id integer NOT NULL,
    version integer NOT NULL
);
CREATE TABLE public.tally (
    flush bigint NOT NULL,
    rows bytea NOT NULL
);
INSERT INTO public.device VALUES ('dev-1', 'weather', 'th-30', '', '', 'gw-test', 'discovered', '', 1763870000000000000, 1);
INSERT INTO public.device VALUES ('dev-2', 'weather', 'th-30', '', '', 'gw-test', 'discovered', '', 1763870000000000000, 1);
INSERT INTO public.device VALUES ('dev-9', 'rain', 'th-30', '', '', '', 'discovered', '', 1763870000000000000, 2);
INSERT INTO public.device_kind VALUES ('dev-1', 'weather', 1);
INSERT INTO public.device_kind VALUES ('dev-2', 'weather', 1);
INSERT INTO public.device_kind VALUES ('dev-9', 'rain', 2);
INSERT INTO public.device_kind VALUES ('dev-9', 'vehicle', 2);
INSERT INTO public.fingerprints VALUES (2, '\x070000000000000008000000000000000900000000000000');
INSERT INTO public.fingerprints VALUES (3, '\x0a00000000000000');
INSERT INTO public.fingerprints VALUES (4, '\x0b00000000000000');
INSERT INTO public.gateway VALUES ('gw-test', 'th-30', true, '7869aa05b15ba743', 13, 3, 808, 1763870000000000000);
INSERT INTO public.head VALUES (1, 4, 3, 2, 2, 3, 1763877230000000000);
INSERT INTO public.hourly VALUES (1763870400000000000, '', 'dev-9', 5, 2, 1, 1, 1);
INSERT INTO public.hourly VALUES (1763870400000000000, 'gw-test', 'dev-1', 2, 2, 0, 0, 0);
INSERT INTO public.hourly VALUES (1763870400000000000, 'gw-test', 'dev-2', 2, 2, 0, 0, 0);
INSERT INTO public.journal VALUES (1, 1763873600000000000, '', 4, '\xa00000000000000028b52ffd20a08d030084059197a77765617468657292a56465762d3132c4080000010000000100c42000e0f76b6b867a1800aa92a7742de33ec81e6c867a1882ab74656d7065726174757265c4200034400035363740a868756d69646974794ec400800a00c003c8d729e220b39514a08d3869e0462b6d8c50c0');
INSERT INTO public.journal VALUES (2, 1763873611000000000, '', 2, '\x440000000000000028b52ffd20442102009197a47261696e91a56465762d39c40400000000c41001e0f76b6b867a1802e0f76b6b867a1881a762617474657279c410000000000000f03f000000000000f03fc40080');
INSERT INTO public.journal VALUES (3, 1763877230000000000, '', 1, '\x320000000000000028b52ffd20329101009197a47261696e91a56465762d39c4020000c40803e0f76b6b867a1881a762617474657279c408000000000000f03fc40080');
INSERT INTO public.open_hour VALUES (1763874000000000000, '\x78019b38f9bc445517dfbe1e058689cbb85252cb742da74e649cc83861c204009d180ad7');
INSERT INTO public.pack_range VALUES ('gw-test', '7869aa05b15ba743', 1, 1, 0, 4, 1);
INSERT INTO public.quarantine VALUES (1, 1763870400000000000, 'city/th-30/smart_city/rain/dev-9', '\xff', 1763870000000000000, 'not_utf8', 'no UTF-8', '', 'dev-9', '', 1, 'held', 0);
INSERT INTO public.quarantine VALUES (2, 1763870400000000000, 'city/th-30/smart_city/rain/dev-9', '\x7b7d', 1763870000000000000, 'store_refused', 'refused', '', 'dev-9', '', 1, 'held', 0);
INSERT INTO public.schema_version VALUES (1, 2);
INSERT INTO public.tally VALUES (4, '\x78019b38f9bc445517dfbe1e058689cbb85252cb742da74e649c004413009da60ad7');
ALTER TABLE ONLY public.device_kind
    ADD CONSTRAINT device_kind_pkey PRIMARY KEY (device, kind);
ALTER TABLE ONLY public.device
    ADD CONSTRAINT device_pkey PRIMARY KEY (device);
ALTER TABLE ONLY public.fingerprints
    ADD CONSTRAINT fingerprints_pkey PRIMARY KEY (flush);
ALTER TABLE ONLY public.gateway
    ADD CONSTRAINT gateway_pkey PRIMARY KEY (gateway);
ALTER TABLE ONLY public.head
    ADD CONSTRAINT head_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.hourly
    ADD CONSTRAINT hourly_pkey PRIMARY KEY (hour_ns, gateway, device);
ALTER TABLE ONLY public.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.open_hour
    ADD CONSTRAINT open_hour_pkey PRIMARY KEY (hour_ns);
ALTER TABLE ONLY public.pack_range
    ADD CONSTRAINT pack_range_pkey PRIMARY KEY (gateway, boot, first);
ALTER TABLE ONLY public.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schema_version
    ADD CONSTRAINT schema_version_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.tally
    ADD CONSTRAINT tally_pkey PRIMARY KEY (flush);
CREATE INDEX device_kind_rev ON public.device_kind USING btree (rev);
CREATE INDEX device_rev ON public.device USING btree (rev);
CREATE INDEX pack_range_rev ON public.pack_range USING btree (rev);
CREATE INDEX quarantine_reason ON public.quarantine USING btree (reason, id);
CREATE INDEX quarantine_state ON public.quarantine USING btree (state, id);
